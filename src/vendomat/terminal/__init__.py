"""The program on the machine: sale, journal, drivers, kiosk server, link. Knows the cloud only as messages."""
