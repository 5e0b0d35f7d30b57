"""One module a format: a file's bytes in, a parsed document out."""
