"""Resources, their properties, and what the methods do with them. Blocking, on one of the web worker's threads."""
