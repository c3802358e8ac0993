"""商: brings departments together on what concerns several of them, and turns the conclusion into duties."""
