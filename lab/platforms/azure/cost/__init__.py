"""What a lab on Azure costs an hour, a course day and a course, and what saves: `lab cost`."""
