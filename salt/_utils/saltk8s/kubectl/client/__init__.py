"""kubectl as a program: how it is run, which cluster it talks to, what its errors mean.

access        which cluster a public function works on
kubeconfig    a kubeconfig read and checked
program       running kubectl: the one place that does
discovery     which versions of a kind the API server serves
parallel      many objects through several kubectl processes
stderr        kubectl's standard error, recognised
answers       the API server's answers in it, by their form
api_errors    the errors that it means
"""
