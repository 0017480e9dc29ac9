"""The registration of clients: one policy for administrators, for clients and for metadata documents."""
