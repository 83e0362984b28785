"""What lies on disk below HTMAP_DIR, and how it is changed safely."""
