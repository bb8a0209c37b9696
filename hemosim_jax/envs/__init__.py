"""One file per task: observe, act, reward, end."""
