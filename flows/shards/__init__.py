"""The first pass in shards: a large source is divided, its parts are mapped side by side on this machine or by workers, and put together.

`dividing` decides, `brief` is what a shard is told, `shard` maps one into a `piece`, `crew` (processes of this machine) and `workers` (of Prefect) have
them mapped, `gathering` puts the pieces together in the order of the file.
"""
