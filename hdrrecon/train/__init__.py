"""Training: HDR files -> views -> virtual camera -> stage -> loss. Start with `hdrrecon train --help`."""
