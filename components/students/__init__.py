"""Students of a class: their rights and limits on a shared cluster, and the program of one student's share."""
