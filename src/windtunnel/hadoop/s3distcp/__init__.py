"""s3-dist-cp: Amazon EMR's program that copies, groups and compresses files, over Hadoop's file systems.

https://docs.aws.amazon.com/emr/latest/ReleaseGuide/UsingEMR_s3distcp.html
"""
