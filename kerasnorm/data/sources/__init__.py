"""From what a user names as data to tables of files: folders, data sets, splits."""
