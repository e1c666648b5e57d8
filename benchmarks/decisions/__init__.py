"""How often the process decides right on generated worlds whose truth is known: a module for each kind of decision."""
