//! HTTP basic authentication, from variables or from files that they name.

use clap::Args;
use secrecy::SecretString;

use super::{ConfigError, given};
use crate::kea::{Credentials, Text};

/// HTTP basic authentication, as given.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kea")]
#[expect(clippy::struct_field_names, reason = "a flag is named after its field, and that after its variable")]
pub struct CredentialArgs {
    /// User name of HTTP basic authentication
    #[arg(long, env = "KEA_BASIC_AUTH_USERNAME", value_name = "NAME")]
    pub kea_basic_auth_username: Option<String>,

    /// File with the user name
    #[arg(long, env = "KEA_BASIC_AUTH_USERNAME_FILE", value_name = "FILE")]
    pub kea_basic_auth_username_file: Option<String>,

    /// Password of HTTP basic authentication; as a flag, other users of the machine can see it
    #[arg(long, env = "KEA_BASIC_AUTH_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub kea_basic_auth_password: Option<String>,

    /// File with the password
    #[arg(long, env = "KEA_BASIC_AUTH_PASSWORD_FILE", value_name = "FILE")]
    pub kea_basic_auth_password_file: Option<String>,

    /// User name at the backups, where it is another
    #[arg(long, env = "KEA_SECONDARY_BASIC_AUTH_USERNAME", value_name = "NAME")]
    pub kea_secondary_basic_auth_username: Option<String>,

    /// File with the user name at the backups
    #[arg(long, env = "KEA_SECONDARY_BASIC_AUTH_USERNAME_FILE", value_name = "FILE")]
    pub kea_secondary_basic_auth_username_file: Option<String>,

    /// Password at the backups
    #[arg(long, env = "KEA_SECONDARY_BASIC_AUTH_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub kea_secondary_basic_auth_password: Option<String>,

    /// File with the password at the backups
    #[arg(long, env = "KEA_SECONDARY_BASIC_AUTH_PASSWORD_FILE", value_name = "FILE")]
    pub kea_secondary_basic_auth_password_file: Option<String>,
}

impl CredentialArgs {
    /// The credentials for the primary.
    pub fn primary(&self) -> Result<Option<Credentials>, ConfigError> {
        pair(
            &Source {
                variables: ["KEA_BASIC_AUTH_USERNAME", "KEA_BASIC_AUTH_USERNAME_FILE"],
                text: given(self.kea_basic_auth_username.as_ref()),
                file: given(self.kea_basic_auth_username_file.as_ref()),
            },
            &Source {
                variables: ["KEA_BASIC_AUTH_PASSWORD", "KEA_BASIC_AUTH_PASSWORD_FILE"],
                text: unempty(self.kea_basic_auth_password.as_ref()),
                file: given(self.kea_basic_auth_password_file.as_ref()),
            },
        )
    }

    /// The credentials for the backups, where they have their own.
    pub fn backups(&self) -> Result<Option<Credentials>, ConfigError> {
        pair(
            &Source {
                variables: ["KEA_SECONDARY_BASIC_AUTH_USERNAME", "KEA_SECONDARY_BASIC_AUTH_USERNAME_FILE"],
                text: given(self.kea_secondary_basic_auth_username.as_ref()),
                file: given(self.kea_secondary_basic_auth_username_file.as_ref()),
            },
            &Source {
                variables: ["KEA_SECONDARY_BASIC_AUTH_PASSWORD", "KEA_SECONDARY_BASIC_AUTH_PASSWORD_FILE"],
                text: unempty(self.kea_secondary_basic_auth_password.as_ref()),
                file: given(self.kea_secondary_basic_auth_password_file.as_ref()),
            },
        )
    }
}

/// Blanks at the ends may be part of a password.
fn unempty(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// A text in a variable, or in a file that another variable names.
struct Source<'a> {
    variables: [&'static str; 2],
    text: Option<&'a str>,
    file: Option<&'a str>,
}

impl Source<'_> {
    fn text(&self) -> Result<Option<(&'static str, Text)>, ConfigError> {
        let [variable, file_variable] = self.variables;
        match (self.text, self.file) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some((variable, Text::Given(SecretString::from(text))))),
            (None, Some(path)) => {
                Ok(Some((file_variable, Text::File { variable: file_variable, path: path.into() })))
            }
            (Some(_), Some(_)) => Err(ConfigError::Twice { variable, file_variable }),
        }
    }
}

fn pair(username: &Source<'_>, password: &Source<'_>) -> Result<Option<Credentials>, ConfigError> {
    match (username.text()?, password.text()?) {
        (None, None) => Ok(None),
        (Some((set, _)), None) => Err(ConfigError::HalfCredentials { set, missing: password.variables[0] }),
        (None, Some((set, _))) => Err(ConfigError::HalfCredentials { set, missing: username.variables[0] }),
        (Some((_, username)), Some((_, password))) => Ok(Some(Credentials { username, password })),
    }
}
