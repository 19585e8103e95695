"""What the API server rejects, and which change of the same run could lift that.

enabling        classes of rejection, and what lifts them
related         what objects have to do with each other: webhooks, parameters of policies, ports that are taken
contradictions  what a commit takes away although another object of it needs it
"""
