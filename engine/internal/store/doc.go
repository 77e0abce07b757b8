// Package store fetches what variables are loaded from and what lies outside of the project and its cluster: secrets in
// HashiCorp Vault, AWS Secrets Manager, Google Secret Manager and Azure Key Vault, and documents on web servers (project
// format §6).
//
// A [Client] belongs to one run: each secret is asked for once, however many sources name it, and all of them see the same
// answer. What is not there is a [MissingError]; what cannot be read, for lack of rights too, is another error. No error
// holds a secret, a token, a request's headers or the query of an address.
//
// # Credentials
//
// They come from the environment that is handed in, by the names that the providers' own tools read. The AWS, Google and
// Azure clients know further ways to find some: profiles, a login of the provider's command line tool, the machine that they
// run on. Those are the clients' own affair, they read files and the process's environment, and they are tried only where
// the environment that was handed in has nothing. A Client that is never asked looks for nothing.
package store
