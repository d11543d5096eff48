"""Reports: finished results as files, tables and pictures. Reads, and decides nothing."""
