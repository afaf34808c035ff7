"""What another playbook would have brought on lists that are past, before anybody uses it."""
