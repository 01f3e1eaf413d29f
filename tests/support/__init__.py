"""What tests are made with: a real upstream, a real server, real distributions, real clients."""
