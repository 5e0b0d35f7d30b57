"""The page's views; each draws what the frame gives it."""
