"""The annotation table while it is made and checked; `data.build` opens one, `data.annotations` reads it."""
