"""Tests of the payment-platform emulators."""
