"""The at-risk page: one HTML file that works offline."""
