"""The console: the page in which people see a network, built from frontend/."""
