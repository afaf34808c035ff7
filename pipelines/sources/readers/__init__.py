"""One module per kind of source that becomes activities, customers or contacts."""
