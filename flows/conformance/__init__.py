"""One standard for every destination: a behaviour is a test, and each runs on each destination against its sandbox.

    pytest --pyargs flows.conformance                         all that are installed
    pytest --pyargs flows.conformance --destination KIND      one of them; repeatable

A destination is found by itself: muster's own, and those of packages with the entry points `muster.destinations` and
`muster.sandboxes` (CONTRIBUTING, "A destination of your own"). A behaviour that it cannot have, because of what it says
of itself, is skipped with the reason. Needs pytest: `pip install muster-sync[conformance]`.
"""
