"""Reports for people: on the terminal, as Markdown, and as one HTML file."""
