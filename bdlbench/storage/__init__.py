"""Files that are whole or absent, in a folder or behind a URL."""
