"""What published lists and campaigns achieved: ledger and activity to figures, their page and files."""
