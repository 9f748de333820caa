"""The cloud put together: HTTP applications, problems, the seed of a demo."""
