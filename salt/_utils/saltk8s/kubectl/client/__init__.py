"""kubectl as a program: how it is run, which cluster it talks to, what its refusals mean."""
