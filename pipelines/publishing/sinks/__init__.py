"""Where a published list goes: CRM files, audiences, SQL tables."""
