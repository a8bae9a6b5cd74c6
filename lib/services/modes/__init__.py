"""The modes of a session, behind one port."""
