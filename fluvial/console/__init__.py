"""The console: pages and an API through which people see their models and decide."""
