"""Did it help, and whom does it help: what lists and campaigns achieved, and who can be persuaded."""
