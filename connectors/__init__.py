"""Where rows come from and contacts go. Knows files and HTTP; nothing of Prefect, the ledger or reports."""
