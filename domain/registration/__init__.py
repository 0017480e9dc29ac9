"""What may be registered of a client: one policy for administrators, for clients and for documents."""
