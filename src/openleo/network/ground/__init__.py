"""The ground: gateways with their feeder links, and PoPs where traffic meets the Internet."""
