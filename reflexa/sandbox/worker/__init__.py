"""What runs inside a sandbox: standard library only, because no installed package can be read in there.

The sources of these modules are handed to the sandboxed interpreter through its control socket
(``reflexa.sandbox.bundle``), so that they need not be readable for the user that runs it.
"""
