"""Images of the shop's applications, built once for each content, under tags that are never reused."""
