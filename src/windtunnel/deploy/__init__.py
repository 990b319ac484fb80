"""From this project folder to an AWS account, or to LocalStack by the same code: what is checked, made and removed."""
