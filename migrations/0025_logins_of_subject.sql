-- The logins of one person: an erasure, and the certificate that none is left, look for them without reading all others.
CREATE INDEX logins_of_subject ON logins (tenant, subject, key);
