/**
 * A certificate for the host "tracker.test" that signed itself, valid to 2126. It guards nothing:
 * the key stands here for everybody to read.
 */

export const TLS_KEY = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEVHgsPLU97ny1gypx0PvGIG1U31PVhvS4RvBxJlsYsKoAoGCCqGSM49
AwEHoUQDQgAE8wfEL3TN34aaO0Fq45+jMWV+F6lUz6EYdPxszrXurowKKYVWYw2H
tZo/pULkOkJXRk6ZCXhMJhkU48L9/N8Glg==
-----END EC PRIVATE KEY-----
`;

export const TLS_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnzCCAUSgAwIBAgIUXuF6sjFoi6RrywSu8bC3bfQamUUwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMdHJhY2tlci50ZXN0MCAXDTI2MTEyMTAyNDUxMVoYDzIxMjYx
MDI4MDI0NTExWjAXMRUwEwYDVQQDDAx0cmFja2VyLnRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATzB8QvdM3fhpo7QWrjn6MxZX4XqVTPoRh0/GzOte6ujAop
hVZjDYe1mj+lQuQ6QldGTpkJeEwmGRTjwv383waWo2wwajAdBgNVHQ4EFgQUisKb
LoUrO8XY/jyPudnAWfk6w1UwHwYDVR0jBBgwFoAUisKbLoUrO8XY/jyPudnAWfk6
w1UwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggx0cmFja2VyLnRlc3QwCgYI
KoZIzj0EAwIDSQAwRgIhAMf93sukKo2S2+DyzJekfsVlh0PanrVlyN58dkadLqEe
AiEA2a8SIES5poi/hhaXQrec5qhxpyAaErhVIYhGQTsPn2Y=
-----END CERTIFICATE-----
`;
