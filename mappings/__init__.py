"""What a row becomes. Pure: no network, no Prefect, no clock."""
