"""When and how a run goes: plans, batches, delivery, the ledger, reports, and the Prefect flows around them."""
