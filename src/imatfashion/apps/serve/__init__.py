"""The page: drop a photo, see its garments (`imatfashion serve`)."""
