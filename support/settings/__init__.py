"""What a tenant's portal allows: the settings, who may change them, their calls and their screen."""
