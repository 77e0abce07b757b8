// Package sops decrypts files that SOPS encrypted (project format §8), for templates' variables, charts' values and what
// kustomize reads.
//
// What is encrypted is recognized by its content, in the formats of which SOPS encrypts each value by itself: YAML, JSON,
// dotenv and INI, by the file's extension. Other files are left as they are.
//
// Integrity: templates may have changed a file's plain values before it is decrypted, and with them the message
// authentication code over all values cannot hold. So it is the file as it lies in the repository whose code must hold; the
// rendered text's must only where there is none. Each encrypted value authenticates itself and its place besides.
//
// Keys come from the environment that [Keys] gives, by value: age identities and their files, the home of GnuPG, Vault's
// token. Some of SOPS's own code reads the process's environment, too, and cannot be told otherwise: for the credentials
// and addresses of AWS, Google Cloud and Azure, for Vault's settings but the token (VAULT_CACERT, VAULT_NAMESPACE,
// SOPS_HC_VAULT_ALLOWLIST …), and for the gpg program (SOPS_GPG_EXEC, PATH), which it runs for PGP keys.
//
// Without a key there still is a plain text, with a placeholder for each value: see [Decrypter.Decrypt].
package sops
