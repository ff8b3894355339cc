// Debian's kea-dev 2.2.0 installs headers that include this file, but not the file itself.
// Only what those headers need to compile is declared here. The shim calls toElement() alone, which the base
// class declares; the indexes have no definition on purpose, so that a use of them fails when linking and not at
// run time.
#ifndef KEAHOOK_COMPAT_CFG_GLOBALS_H
#define KEAHOOK_COMPAT_CFG_GLOBALS_H

#include <cc/cfg_to_element.h>
#include <cc/data.h>

#include <boost/shared_ptr.hpp>

#include <map>
#include <string>

namespace isc {
namespace dhcp {

class CfgGlobals : public isc::data::CfgToElement {
public:
    typedef std::map<std::string, isc::data::ConstElementPtr> MapType;

    static const int AUTHORITATIVE, BOOT_FILE_NAME, CACHE_MAX_AGE, CACHE_THRESHOLD, CALCULATE_TEE_TIMES,
         DDNS_GENERATED_PREFIX, DDNS_OVERRIDE_CLIENT_UPDATE, DDNS_OVERRIDE_NO_UPDATE,
         DDNS_QUALIFYING_SUFFIX, DDNS_REPLACE_CLIENT_NAME, DDNS_SEND_UPDATES, DDNS_UPDATE_ON_RENEW,
         DDNS_USE_CONFLICT_RESOLUTION, HOSTNAME_CHAR_REPLACEMENT, HOSTNAME_CHAR_SET, MATCH_CLIENT_ID,
         MAX_PREFERRED_LIFETIME, MAX_VALID_LIFETIME, MIN_PREFERRED_LIFETIME, MIN_VALID_LIFETIME,
         NEXT_SERVER, PREFERRED_LIFETIME, REBIND_TIMER, RENEW_TIMER, RESERVATIONS_GLOBAL,
         RESERVATIONS_IN_SUBNET, RESERVATIONS_OUT_OF_POOL, SERVER_HOSTNAME, STORE_EXTENDED_INFO,
         T1_PERCENT, T2_PERCENT, VALID_LIFETIME;

    isc::data::ConstElementPtr get(const std::string& name) const;
    isc::data::ConstElementPtr get(int index) const;
    void set(const std::string& name, isc::data::ConstElementPtr value);
    void set(int index, isc::data::ConstElementPtr value);
    void clear();
    virtual isc::data::ElementPtr toElement() const;
};

typedef boost::shared_ptr<CfgGlobals> CfgGlobalsPtr;
typedef boost::shared_ptr<const CfgGlobals> ConstCfgGlobalsPtr;

} // namespace dhcp
} // namespace isc

#endif
