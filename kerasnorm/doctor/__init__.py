"""Why validation breaks, proved by measurement."""
