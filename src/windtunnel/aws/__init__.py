"""AWS's wire: requests parsed, validated and answered by botocore's own service models. Knows no service."""
