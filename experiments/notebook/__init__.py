"""What the notebooks in notebooks/ share: short trainings, tables and charts, and how they are executed."""
